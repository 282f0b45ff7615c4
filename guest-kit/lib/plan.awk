# Turns a document that xml.awk has read into the plan of this node: lines of a word and its values, every value let through by an
# allow-list. A document with a value that is not ends with status 1 and without a plan.
#   self frontend|compute NAME FQDN GATEWAY|-   (always the first line; GATEWAY: the way out)
#   frontend ADDRESS FQDN NAME                  dns ADDRESS              search DOMAIN
#   interface NAME MAC ADDRESS NETMASK PREFIX MTU|- default|-      (default: the way out, and to the name servers)
#   node NAME ADDRESS CPUS                      key PUBLIC-KEY
END {
  if (broken) exit 1
  if (has_interface("frontend")) role = "frontend"
  else if (has_interface("compute")) role = "compute"
  else refuse("no interface in it")
  if (role == "frontend") plan_frontend()
  else plan_compute()
  plan_interfaces(role)
  plan_names()
  plan_keys()
  printf "%s", plan
}

function plan_frontend(  fqdn, name, i, at, ip) {
  fqdn = either("frontend fqdn", "frontend/public fqdn")
  name = either("frontend name", "frontend/private fqdn")
  if (name == "") name = fqdn
  if (fqdn == "") fqdn = name
  default_network = "public"
  plan_self(name, fqdn, either("frontend gw", "frontend/public gw"))
  ip = get("frontend/private", "ip")
  if (ip != "") line("frontend " address(ip) " " host(fqdn) " " label(name))
  for (i = 1; i <= nodes; i++) {
    at = "compute/node." i
    ip = get(at, "ip")
    if (ip == "") ip = get(at "/private", "ip")
    line("node " host(get(at, "name")) " " address(ip) " " cpus(get(at, "cpus")))
  }
}

function plan_compute(  fqdn, name, own, gateway) {
  own = get("compute/private", "fqdn")
  name = get("compute", "name")
  if (name == "") name = own
  if (own == "") own = name
  default_network = "private"
  gateway = either("compute gw", "compute/private gw")
  plan_self(name, own, gateway)
  fqdn = either("frontend fqdn", "frontend/public fqdn")
  if (gateway != "" && fqdn != "") line("frontend " address(gateway) " " host(fqdn) " " label(fqdn))
}

function plan_self(name, fqdn, gateway) {
  line("self " role " " label(name) " " host(fqdn) " " (gateway == "" ? "-" : address(gateway)))
}

# Every child of <frontend>, or of <compute> on a compute, that has an address.
function plan_interfaces(parent,  i, at, name, mtu, done) {
  for (i = 1; i <= facts; i++) {
    at = path[i]
    if (!is_interface(parent, at) || (at in done)) continue
    done[at] = 1
    name = substr(at, length(parent) + 2)
    if (name !~ /^[A-Za-z][A-Za-z0-9-]*$/ || length(name) > 32) refuse("an interface's name")
    mtu = get(at, "mtu")
    if (mtu == "") mtu = "-"
    else if (mtu !~ /^[1-9][0-9]+$/ || mtu + 0 < 68 || mtu + 0 > 65535) refuse("an MTU")
    line("interface " name " " mac(get(at, "mac")) " " address(get(at, "ip")) " " address(get(at, "netmask")) " " \
      prefix(get(at, "netmask")) " " mtu " " (name == default_network ? "default" : "-"))
  }
}

function has_interface(parent,  i) {
  for (i = 1; i <= facts; i++) if (is_interface(parent, path[i])) return 1
  return 0
}

function is_interface(parent, at,  child) {
  if (index(at, parent "/") != 1) return 0
  child = substr(at, length(parent) + 2)
  if (child ~ /\// || child ~ /^node\.[0-9]+$/) return 0
  return get(at, "mac") != "" || get(at, "ip") != ""
}

function plan_names(  count, words, i) {
  count = split(get("network/dns", "ip"), words, /[ ,]+/)
  for (i = 1; i <= count; i++) if (words[i] != "") line("dns " address(words[i]))
  count = split(get("network/dns", "search") " " get("network/dns", "domain"), words, /[ ,]+/)
  for (i = 1; i <= count; i++) if (words[i] != "") line("search " host(words[i]))
}

function plan_keys(  i, words) {
  for (i = 1; i <= facts; i++) {
    if (path[i] != "key" || attribute[i] != "#text") continue
    split(value[i], words, " ")
    if (words[1] !~ /^(ssh|ecdsa|sk-ssh|sk-ecdsa)-[-a-z0-9@.]+$/) refuse("a public key's kind")
    if (words[2] !~ /^[A-Za-z0-9+\/]+=*$/) refuse("a public key")
    line("key " value[i])
  }
}

function get(at, name,  i) {
  if (!indexed) {
    for (i = facts; i > 0; i--) first[path[i], attribute[i]] = value[i]
    indexed = 1
  }
  return ((at, name) in first) ? first[at, name] : ""
}

# either("PATH ATTRIBUTE", …): the first that is not empty.
function either(a, b,  words, found) {
  split(a, words, " ")
  found = get(words[1], words[2])
  if (found != "") return found
  split(b, words, " ")
  return get(words[1], words[2])
}

function host(name) {
  if (length(name) > 253 || (name ".") !~ /^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?\.)+$/) refuse("a host's name")
  return name
}

function label(name) {
  name = host(name)
  sub(/\..*$/, "", name)
  if (length(name) > 63) refuse("a host's name")
  return name
}

function address(text,  parts, i) {
  if (text !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/ || split(text, parts, ".") != 4) refuse("an address")
  for (i = 1; i <= 4; i++) if (length(parts[i]) > 3 || parts[i] + 0 > 255) refuse("an address")
  return text
}

function prefix(netmask,  parts, i, byte, bits, ended) {
  split(netmask, parts, ".")
  bits = 0
  ended = 0
  for (i = 1; i <= 4; i++) {
    byte = parts[i] + 0
    if (ended && byte != 0) refuse("a netmask")
    while (byte >= 128) { bits++; byte = (byte - 128) * 2 }
    if (byte != 0) refuse("a netmask")
    if (parts[i] + 0 != 255) ended = 1
  }
  return bits
}

function mac(text) {
  text = tolower(text)
  if (length(text) != 17 || (text ":") !~ /^([0-9a-f][0-9a-f]:)+$/) refuse("a MAC address")
  return text
}

function cpus(text) {
  if (text == "") return 1
  if (text !~ /^[1-9][0-9]*$/ || length(text) > 4) refuse("a number of CPUs")
  return text
}

function line(text) { plan = plan text "\n" }

# The value itself is not said: it could be anything.
function refuse(what) {
  if (!broken) print "vc-out.xml is refused: " what " in it is not allowed" | "cat 1>&2"
  broken = 1
  exit 1
}
