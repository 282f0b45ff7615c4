/** XML for libvirt, read back before it leaves: what a parser finds in it is what we meant, and nothing else. */
import { create } from 'xmlbuilder2';

/**
 * @param document in xmlbuilder2's object notation.
 * @throws Error where the text does not say what the object says: a bug of the serializer, or of ours.
 */
export function buildCheckedXml(document: Record<string, unknown>): string {
  const meant = create(document);
  // Without white space between the elements, which would be text to a parser.
  const xml = meant.end();
  if (!create(xml).root().node.isEqualNode(meant.root().node))
    throw new Error('XML that does not read back as written');
  return xml;
}
