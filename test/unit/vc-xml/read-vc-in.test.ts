import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { readVcIn } from '#shared/vc-xml/read-vc-in.ts';

const fixture = (kind: string): string =>
  readFileSync(new URL(`../../fixtures/vc-in/${kind}.xml`, import.meta.url), 'utf8');
const listed = fixture('listed');
const inside = fixture('inside');
const beside = fixture('beside');
const read = (xml: string) => readVcIn(Buffer.from(xml));

/** Replaces what is there; fails where it is not. */
function change(xml: string, from: string | RegExp, to: string): string {
  const changed = xml.replace(from, to);
  assert.notEqual(changed, xml);
  return changed;
}

function assertRefused(xml: string | Buffer, why: RegExp): void {
  assert.throws(
    () => readVcIn(Buffer.from(xml)),
    (error) => hasCode(error, 'IMAGE_NOT_COMPLIANT') && why.test(error.message),
  );
}

test('formats §2: files listed in <files>, matched with the domains by the name of the disk', () => {
  assert.deepEqual(read(listed), {
    driver: 'rocks6_client',
    frontend: {
      memoryMiB: 2048,
      cpus: 2,
      hardware: { diskBus: 'sata', nicModel: 'e1000' },
      interfaceCount: 2,
      disk: { type: 'splited_gzip', filename: 'frontend.vda', parts: ['frontend.vda.gz.a', 'frontend.vda.gz.b'] },
    },
    compute: {
      memoryMiB: 1024,
      cpus: 1,
      hardware: { diskBus: 'ide', nicModel: 'virtio' },
      interfaceCount: 1,
      disk: { type: 'gzip', filename: 'compute.vda', parts: ['compute.vda.gz'] },
    },
    bootDependency: { waitSeconds: 300 },
    privateNetwork: { address: '10.1.1.1', netmask: '255.255.0.0' },
  });
});

test('formats §2: a raw file without a filename is found by the name of its part, a split one by its filename', () => {
  const raw = read(change(listed, '/state/partition1/kvm/disks/frontend.vda', 'dummy.img')).frontend.disk;
  assert.deepEqual(raw, { type: 'raw', filename: 'dummy.img', parts: ['dummy.img'] });
  const split = read(change(listed, '/state/partition1/kvm/disks/frontend.vda', 'other.vda')).frontend.disk;
  assert.deepEqual(split, { type: 'splited', filename: 'other.vda', parts: ['other.vda.a', 'other.vda.b'] });
});

test('formats §2: the later dialect, files inside <frontend> and <compute>', () => {
  const { frontend, compute, bootDependency, privateNetwork } = read(inside);
  assert.deepEqual(frontend.disk, {
    ...{ type: 'splited', filename: 'frontend.img' },
    parts: ['frontend.img.aa', 'frontend.img.ab'],
  });
  assert.equal(frontend.memoryMiB, 4096);
  assert.deepEqual(compute?.disk, { type: 'raw', filename: 'compute.img', parts: ['compute.img'] });
  assert.deepEqual([bootDependency, privateNetwork], [undefined, undefined]);
});

test('formats §2: the third kind, no <file> at all: the disk lies beside the XML and may be compressed', () => {
  assert.deepEqual(read(beside).frontend.disk, {
    ...{ type: 'gzip', filename: 'calit2-119-222.img' },
    parts: ['calit2-119-222.img.gz'],
  });
  const raw = read(change(beside, 'calit2-119-222.img.gz', '/home/author/frontend.vda')).frontend.disk;
  assert.deepEqual(raw, { type: 'raw', filename: 'frontend.vda', parts: ['frontend.vda'] });
  const deeper = read(change(beside, 'calit2-119-222.img.gz', 'disks/frontend.vda')).frontend.disk;
  assert.deepEqual(deeper.parts, ['disks/frontend.vda']);
});

test('formats §2: the types as the original spells them, split and split_gzip too, raw where none is said', () => {
  const types = ['raw', 'gzip', 'splited', 'splited_gzip', 'split', 'split_gzip'].map((type) => {
    const one = change(inside, /<file type="splited">.*<\/file>/, `<file type="${type}"><part>p</part></file>`);
    return read(one).frontend.disk.type;
  });
  assert.deepEqual(types, ['raw', 'gzip', 'splited', 'splited_gzip', 'splited', 'splited_gzip']);
  assert.equal(read(change(inside, '<file type="raw">', '<file>')).compute?.disk?.type, 'raw');
  assertRefused(change(inside, '"splited"', '"zip"'), /unknown type “zip”/);
  assertRefused(change(inside, '"splited"', '"gzip"'), /type gzip has 2 parts/);
});

test('formats §1: the frontend is mandatory; without computes of their own, computes are like the frontend', () => {
  assert.equal(read(beside).compute, undefined);
  assertRefused(change(inside, /<frontend>[^]*<\/frontend>/, ''), /no frontend/);
  const noDisk = change(inside, /<disk type='file' device='disk'>(?![^]*<disk )[^]*?<\/disk>/, '');
  assert.equal(read(noDisk).compute?.disk, undefined);
  assert.equal(read(noDisk).compute?.interfaceCount, 1);
});

test('formats §1: another engine, type or architecture is refused by name', () => {
  assertRefused(change(listed, "engine='kvm'", "engine='xen'"), /engine is “xen”.*kvm only/);
  assertRefused(change(listed, "type='hvm' arch", "type='linux' arch"), /type is “linux”/);
  assertRefused(change(listed, "arch='x86_64'/>", "arch='i386'/>"), /architecture is “i386”/);
  assertRefused(change(listed, /<virtualization[^>]*>/, ''), /for which platform/);
  assertRefused(change(listed, "<domain type='kvm'>", "<domain type='xen'>"), /engine of the frontend is “xen”/);
  assertRefused(
    change(listed, "<type arch='x86_64'", "<type arch='aarch64'"),
    /architecture of the compute is “aarch64”/,
  );
});

test('formats §1: one disk a node', () => {
  assertRefused(change(listed, "device='cdrom'", "device='disk'"), /2 disks; the image standard has one/);
  assertRefused(change(beside, "file='calit2", "volume='calit2"), /is no file/);
  assertRefused(change(beside, /<disk[^]*<\/disk>/, ''), /no disk/);
});

test('formats §2: memory is KiB unless a unit is said; currentMemory does not count', () => {
  const memory = (element: string) => read(change(beside, '<memory>1048576</memory>', element)).frontend.memoryMiB;
  assert.equal(memory('<memory>1048576</memory><currentMemory>4</currentMemory>'.replace('1048576', '2097152')), 2048);
  assert.equal(memory("<memory unit='b'>1048576</memory>"), 1);
  assert.equal(memory("<memory unit='bytes'>1048577</memory>"), 2);
  assert.equal(memory("<memory unit='KB'>2097152</memory>"), 2000);
  assert.equal(memory("<memory unit='k'>2048</memory>"), 2);
  assert.equal(memory("<memory unit='MB'>1000</memory>"), 954);
  assert.equal(memory("<memory unit='M'>1000</memory>"), 1000);
  assert.equal(memory("<memory unit='GB'>2</memory>"), 1908);
  assert.equal(memory("<memory unit='G'>2</memory>"), 2048);
  assert.equal(memory("<memory unit='TiB'>1</memory>"), 1024 * 1024);
  assert.equal(memory(''), undefined);
  const refused = (element: string, why: RegExp): void =>
    assertRefused(change(beside, '<memory>1048576</memory>', element), why);
  refused("<memory unit='constructor'>1</memory>", /unknown unit “constructor”/);
  refused('<memory>-1</memory>', /memory of the frontend/);
  refused('<memory>0</memory>', /memory of the frontend/);
  refused('<memory>999999999999999</memory>', /memory of the frontend/);
  refused('<memory>1</memory><memory>2</memory>', /two elements <memory>/);
});

test('the guest’s drivers: what is not known becomes virtio', () => {
  const hardware = (target: string) =>
    read(change(beside, "<target dev='vda' bus='virtio'/>", target)).frontend.hardware.diskBus;
  assert.deepEqual(
    [
      "<target bus='scsi'/>",
      "<target dev='sdb'/>",
      "<target dev='hda'/>",
      "<target dev='vda'/>",
      "<target bus='xen'/>",
      '',
    ].map(hardware),
    ['scsi', 'scsi', 'ide', 'virtio', 'virtio', 'virtio'],
  );
  const nic = (model: string) => read(change(beside, "<model type='virtio'/>", model)).frontend.hardware.nicModel;
  assert.deepEqual(["<model type='rtl8139'/>", "<model type='e1000'/>", "<model type='ne2k_pci'/>", ''].map(nic), [
    'rtl8139',
    'e1000',
    'virtio',
    'virtio',
  ]);
});

test('formats §2: boot_dependency waits by the clock, in seconds', () => {
  assert.deepEqual(read(change(listed, /<wait[^>]*>/, '')).bootDependency, { waitSeconds: undefined });
  assertRefused(change(listed, "value='300'", "value='-1'"), /seconds to wait/);
  assertRefused(change(listed, "value='300'", "value='1e9'"), /seconds to wait/);
});

test('formats §2: what may run on the host or lead out of the domain is not taken', () => {
  const text = JSON.stringify(read(listed));
  for (const word of ['emulator', 'hostdev', 'bridge', 'state', 'eth0', '7a:77']) assert.ok(!text.includes(word), word);
});

test('a private network that is none is refused', () => {
  assertRefused(change(listed, '10.1.1.1', '10.1.1.1; reboot'), /private network/);
  assertRefused(change(listed, '255.255.0.0', '255.0.255.0'), /private network/);
});

test('fault 42: part names that are no plain path below the description’s folder are refused', () => {
  const names = [
    ...['../frontend.vda', 'a/../../b', '/etc/passwd', '..', '.', '.ssh/id', 'a//b', 'a/', ''],
    ...['a b', 'a;b', '$(reboot)', '`a`', 'a|b', 'a\tb', 'a\nb', '-rf', 'a\\b', 'a%2fb', 'a?b', 'a#b', 'ä', '*'],
    ...['http://elsewhere/x', `${'a/'.repeat(600)}b`, 'a'.repeat(300)],
  ];
  for (const name of names) {
    const escaped = name.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    assertRefused(
      inside.replace('frontend.img.aa', () => escaped),
      /not a plain path/,
    );
  }
  assertRefused(change(inside, 'frontend.img.aa', 'a&#0;b'), /not well-formed/);
  assertRefused(change(beside, 'calit2-119-222.img.gz', '../x'), /not a plain path/);
  assertRefused(change(beside, 'calit2-119-222.img.gz', '/state/'), /not a plain path/);
});

test('fault 43: more parts than can be, the same part twice, none', () => {
  const parts = (names: readonly string[]): string =>
    change(inside, /<part>frontend.img.aa.*ab<\/part>/, names.map((name) => `<part>${name}</part>`).join(''));
  const many = Array.from({ length: 4096 }, (_, i) => `p${i}`);
  assert.equal(read(parts(many)).frontend.disk.parts.length, 4096);
  assertRefused(parts([...many, 'more']), /4097 parts/);
  assertRefused(parts(Array.from({ length: 30_000 }, (_, i) => `p${i}`)), /20000 elements/);
  assertRefused(parts(['a', 'a']), /twice/);
  assertRefused(parts([]), /no <part>/);
});

test('a disk that is not among the files, or twice', () => {
  assertRefused(change(listed, 'filename="frontend.vda"', 'filename="other"'), /do not list “frontend.vda”/);
  assertRefused(change(listed, 'filename="other.vda"', 'filename="compute.vda"'), /more than once/);
});

test('fault 45: DOCTYPE, entities, instructions, depth and size are refused before anything is parsed', () => {
  const external = '<!DOCTYPE vc SYSTEM "http://127.0.0.1:9/x.dtd">';
  const entity = '<!DOCTYPE vc [<!ENTITY x SYSTEM "file:///etc/passwd">]>';
  const laughs = '<!DOCTYPE vc [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>';
  for (const start of [external, entity, laughs, '<!ELEMENT vc ANY>', '<!doctype vc>', `<!-- ${external} -->`]) {
    assertRefused(start + beside, /DOCTYPE or another declaration/);
  }
  assertRefused(change(beside, '<vc>', '<vc><![INCLUDE[x]]>'), /declaration/);
  assertRefused(change(beside, '<vc>', '<vc>&x;'), /undefined entity/);
  assertRefused(`<?xml-stylesheet href="http://127.0.0.1:9/"?>${beside}`, /not well-formed|instruction/);
  assertRefused(change(beside, '<vc>', '<vc><?php 1 ?>'), /processing instruction/);
  assertRefused('<a>'.repeat(65) + '</a>'.repeat(65), /deeper than 64/);
  assertRefused('<a>'.repeat(300_000), /deeper than 64/);
  assertRefused(`<vc>${' '.repeat(1024 * 1024)}</vc>`, /more than 1048576 bytes/);
  assertRefused(Buffer.from([0x3c, 0x76, 0x63, 0xff, 0x3e]), /not UTF-8/);
  assertRefused(Buffer.from(beside, 'utf16le'), /not UTF-8|not well-formed/);
});

test('formats §2: five entities and CDATA are plain text, comments are nothing', () => {
  const written = change(beside, '<memory>1048576', '<memory><!-- x --><![CDATA[10485]]>&#55;6');
  assert.equal(read(written).frontend.memoryMiB, Math.ceil(1048576 / 1024));
});

test('broken documents', () => {
  for (const xml of ['', 'text', '<vc', '<vc>', '<vc></xc>', '<vc/><vc/>', '<vc a=1/>', '<vc a="1" a="2"/>']) {
    assertRefused(xml, /not well-formed|no element/);
  }
  assertRefused('<html/>', /begins with <html>/);
});
