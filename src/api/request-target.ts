/**
 * Path and query of a request target: `/a?b=c`, or a whole URL as proxies may send it. Neither is
 * decoded; what is no URL is all path.
 */
export function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const [, rest = target] = /^https?:\/\/[^/?]*(.*)$/i.exec(target) ?? [];
  const mark = rest.indexOf("?");
  return mark < 0
    ? { path: rest, query: "" }
    : { path: rest.slice(0, mark), query: rest.slice(mark + 1) };
}
