import { nginxCommand, nginxFile } from "../../tools/cluster/nginx.ts";
import { balancerSuite } from "./balancer-suite.ts";

balancerSuite(
  "nginx with deploy/nginx.conf",
  (options) => nginxCommand(options.directory, nginxFile(options)),
  false,
);
