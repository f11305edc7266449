/** Entry point: the arguments become a command, its result the exit status. */
import { run } from "./cli/run.ts";
import { systemDeps } from "./cli/system.ts";
import { serve } from "./serve.ts";

process.exit(await run(process.argv.slice(2), systemDeps(serve)));
