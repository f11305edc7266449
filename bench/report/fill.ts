/**
 * Puts texts between their marks, `<!-- NAME: made by … -->` and `<!-- /NAME -->`, and leaves
 * everything else as it is. Throws when a text has no place.
 */
export function fill(document: string, texts: Readonly<Record<string, string>>): string {
  let filled = document;
  for (const [name, text] of Object.entries(texts)) {
    const place = new RegExp(`(<!-- ${name}:[^>]*-->\\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(filled)) throw new Error(`no place for "${name}": <!-- ${name}: … -->`);
    filled = filled.replace(place, (_, begin, end) => `${begin}\n${text}\n\n${end}`);
  }
  return filled;
}
