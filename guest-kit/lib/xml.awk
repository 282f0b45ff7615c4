# Reads a small XML document into path[], attribute[] and value[], 1 to facts. Text is a fact with the attribute "#text" per line.
# <node> elements are numbered, since they repeat: compute/node.1/private. What is no well-formed document of the plain kind that
# vc-out.xml is (no DTD, no CDATA, no references but the five of XML and numbers) ends with status 1.
BEGIN { RS = "<"; depth = 0; nodes = 0; roots = 0; facts = 0; in_comment = 0; broken = 0 }

NR == 1 { if ($0 ~ /[^ \t\r\n]/ && $0 !~ /^\357\273\277[ \t\r\n]*$/) malformed("text before the document"); next }

in_comment || /^!--/ {
  in_comment = 1
  end = index($0, "-->")
  if (end) { in_comment = 0; keep_text(substr($0, end + 3)) }
  next
}

/^\?xml[ \t\r\n]/ { if (!index($0, "?>") || NR != 2) malformed("a declaration that is none"); next }

/^\// {
  end = index($0, ">")
  name = substr($0, 2, end - 2)
  sub(/[ \t\r\n]+$/, "", name)
  if (!end || depth == 0 || name != element[depth]) malformed("</" name "> closes nothing")
  depth--
  keep_text(substr($0, end + 1))
  next
}

{
  if (!match($0, /^[A-Za-z_][-A-Za-z0-9_.]*/)) malformed("a tag without a name")
  name = substr($0, 1, RLENGTH)
  rest = substr($0, RLENGTH + 1)
  if (depth == 0 && ++roots > 1) malformed("two documents in one")
  element[++depth] = name
  step[depth] = (name == "node") ? "node." (++nodes) : name
  here = where()
  split("", seen)
  while (match(rest, /^[ \t\r\n]+[A-Za-z_][-A-Za-z0-9_.:]*[ \t\r\n]*=[ \t\r\n]*("[^"]*"|'[^']*')/)) {
    pair = substr(rest, 1, RLENGTH)
    rest = substr(rest, RLENGTH + 1)
    sub(/^[ \t\r\n]+/, "", pair)
    key = pair
    sub(/[ \t\r\n]*=.*$/, "", key)
    if (key in seen) malformed("two times " key " on " name)
    seen[key] = 1
    sub(/^[^"']*["']/, "", pair)
    add(here, key, decode(substr(pair, 1, length(pair) - 1)))
  }
  if (!match(rest, /^[ \t\r\n]*\/?>/)) malformed("a tag that does not end: " name)
  closed = (substr(rest, RLENGTH - 1, 2) == "/>")
  if (closed) depth--
  keep_text(substr(rest, RLENGTH + 1))
}

function where(  i, p) {
  p = (depth > 1) ? step[2] : ""
  for (i = 3; i <= depth; i++) p = p "/" step[i]
  return p
}

function keep_text(text,  count, lines, i) {
  if (depth == 0 && text ~ /[^ \t\r\n]/) malformed("text beside the document")
  count = split(text, lines, "\n")
  for (i = 1; i <= count; i++) {
    gsub(/^[ \t\r]+|[ \t\r]+$/, "", lines[i])
    if (lines[i] != "") add(where(), "#text", decode(lines[i]))
  }
}

function add(p, a, v) { facts++; path[facts] = p; attribute[facts] = a; value[facts] = v }

# A value is one line: control characters become spaces, as XML itself has it for white space in attributes.
function decode(s,  out, reference) {
  out = ""
  while (match(s, /&[^;]*;?/)) {
    out = out substr(s, 1, RSTART - 1)
    reference = substr(s, RSTART, RLENGTH)
    s = substr(s, RSTART + RLENGTH)
    if (reference == "&lt;") out = out "<"
    else if (reference == "&gt;") out = out ">"
    else if (reference == "&quot;") out = out "\""
    else if (reference == "&apos;") out = out "'"
    else if (reference == "&amp;") out = out "&"
    else if (reference ~ /^&#(9|10|13|x9|xA|xD|xa|xd);$/) out = out " "
    else malformed("a reference that is not read: " reference)
  }
  out = out s
  gsub(/[\001-\037\177]/, " ", out)
  return out
}

function malformed(what) {
  if (!broken) print "vc-out.xml is malformed: " what | "cat 1>&2"
  broken = 1
  exit 1
}

END {
  if (broken) exit 1
  if (depth != 0 || roots != 1 || in_comment) malformed("it ends too early")
  if (element[1] != "vc") malformed("its root is not <vc>")
}
