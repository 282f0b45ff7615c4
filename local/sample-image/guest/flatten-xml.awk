# Flattens a small XML document: one line "path<TAB>attribute<TAB>value" per attribute, "path<TAB>#text<TAB>line" per line of text.
# <node> elements are numbered (compute/node.1/private), since they repeat. No DTD, no CDATA: the writer makes none.
BEGIN { RS = "<"; depth = 0; nodes = 0 }
NR == 1 { next }
{
  end = index($0, ">")
  tag = substr($0, 1, end - 1)
  text = substr($0, end + 1)
  kind = substr(tag, 1, 1)
  if (kind == "?" || kind == "!") next
  if (kind == "/") { depth--; next }
  closed = (substr(tag, length(tag)) == "/")
  if (closed) tag = substr(tag, 1, length(tag) - 1)
  name = tag
  sub(/[ \t\r\n].*$/, "", name)
  rest = substr(tag, length(name) + 1)
  if (name == "node") name = "node." (++nodes)
  depth++
  stack[depth] = name
  path = stack[2]
  for (i = 3; i <= depth; i++) path = path "/" stack[i]
  while (match(rest, /[A-Za-z_:][-A-Za-z0-9_:.]*[ \t\r\n]*=[ \t\r\n]*("[^"]*"|'[^']*')/)) {
    pair = substr(rest, RSTART, RLENGTH)
    rest = substr(rest, RSTART + RLENGTH)
    attribute = pair
    sub(/[ \t\r\n]*=.*$/, "", attribute)
    value = pair
    sub(/^[^"']*["']/, "", value)
    print path "\t" attribute "\t" decode(substr(value, 1, length(value) - 1))
  }
  count = split(text, lines, "\n")
  for (i = 1; i <= count; i++) if (lines[i] ~ /[^ \t\r]/) print path "\t#text\t" decode(trim(lines[i]))
  if (closed) depth--
}
function trim(s) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", s); return s }
function decode(s) {
  gsub(/&lt;/, "<", s); gsub(/&gt;/, ">", s); gsub(/&quot;/, "\"", s); gsub(/&apos;/, "'", s); gsub(/&amp;/, "\\&", s)
  return s
}
