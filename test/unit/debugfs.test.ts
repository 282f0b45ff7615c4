import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  findStale,
  foldersAbove,
  identifyFileSystem,
  moveAsideCommands,
  parseGuestPath,
  parseNames,
  parseStatus,
  replaceCommands,
} from '../../edge-agent/core/debugfs.ts';

test('only plain absolute paths become part of a command', () => {
  assert.deepEqual(parseGuestPath('/root/vc-out.xml'), {
    folder: '/root',
    name: 'vc-out.xml',
    full: '/root/vc-out.xml',
  });
  assert.equal(parseGuestPath('/x').folder, '/');
  for (const path of ['root/x', '/root/x y', '/root/x\nrm /etc/passwd', '/root/"x"', '/root/../x', '/', '', '/root/']) {
    assert.throws(() => parseGuestPath(path), /not a path/, path);
  }
  assert.deepEqual(foldersAbove('/a/b'), ['/a', '/a/b']);
});

test('a file is removed first, then written with its mode and owner', () => {
  assert.deepEqual(replaceCommands(parseGuestPath('/root/vc-out.xml'), 'content-0', 0o600), [
    'rm /root/vc-out.xml',
    'cd /root',
    'write content-0 vc-out.xml',
    'cd /',
    'set_inode_field /root/vc-out.xml mode 0100600',
    'set_inode_field /root/vc-out.xml uid 0',
    'set_inode_field /root/vc-out.xml gid 0',
  ]);
});

test('stale network configuration moves aside, over an older old one; hostile names are left where they are', () => {
  const folder = '/etc/sysconfig/network-scripts';
  const names = ['.', '..', 'ifcfg-eth0', 'old-ifcfg-eth0', 'ifcfg-lo', 'ifcfg-eth1 rm', 'ifcfg-eth1\nquit'];
  assert.deepEqual(findStale(folder, names), ['ifcfg-eth0']);
  assert.deepEqual(moveAsideCommands(folder, names), [
    `rm ${folder}/old-ifcfg-eth0`,
    `cd ${folder}`,
    'ln ifcfg-eth0 old-ifcfg-eth0',
    'unlink ifcfg-eth0',
    'cd /',
  ]);
  assert.deepEqual(moveAsideCommands('/etc', ['70-persistent-net.rules']), []);
});

test("debugfs' answers are read", () => {
  const listing = 'debugfs: ls -p /x\n/2/040755/0/0/.//\n/13/100644/0/0/ifcfg-eth0/12/\n/0/000000/0/0/gone/0/\n';
  assert.deepEqual(parseNames(listing), ['.', 'ifcfg-eth0']);
  const answer = 'Inode: 13   Type: regular    Mode:  0600   Flags: 0x80000\nUser:     0   Group:     0   Size: 12\n';
  assert.deepEqual(parseStatus(answer), { type: 'regular', mode: 0o600, uid: 0 });
  assert.equal(parseStatus('/x: File not found by ext2_lookup\n'), undefined);
});

test('file systems are told apart by what they hold', () => {
  const ext = Buffer.alloc(2048);
  ext.writeUInt16LE(0xef53, 1024 + 0x38);
  assert.deepEqual(identifyFileSystem(ext), { kind: 'ext', needsRecovery: false });
  ext.writeUInt32LE(0x246, 1024 + 0x60);
  assert.deepEqual(identifyFileSystem(ext), { kind: 'ext', needsRecovery: true });
  assert.deepEqual(identifyFileSystem(Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(2044)])), { kind: 'xfs' });
  assert.deepEqual(identifyFileSystem(Buffer.alloc(2048)), { kind: 'other' });
  assert.deepEqual(identifyFileSystem(Buffer.alloc(10)), { kind: 'other' });
});
