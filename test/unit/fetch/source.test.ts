import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { parseSource } from '../../../edge-agent/fetch/source.ts';

const IMAGE_ID = '01M89YA8QT96TD15ZKN8XVKBNJ';
const SHA256 = '9a'.repeat(32);
const MANIFEST = `images/${IMAGE_ID}/manifests/${SHA256}.json`;
const manifest = { imageId: IMAGE_ID, sha256: SHA256 };

test('a manifest is known by its path, a description by being none', () => {
  assert.deepEqual(parseSource(`http://images.example.org/vc/${MANIFEST}`), {
    ...{ kind: 'http', repository: 'http://images.example.org/vc/', path: MANIFEST, manifest },
  });
  assert.deepEqual(parseSource(`/srv/vc/${MANIFEST}`), {
    ...{ kind: 'local', repository: '/srv/vc/', path: MANIFEST, manifest },
  });
  assert.deepEqual(parseSource('https://images.example.org/vc/rocks-sge/rocks-sge.xml'), {
    ...{ kind: 'http', repository: 'https://images.example.org/vc/rocks-sge/', path: 'rocks-sge.xml' },
    manifest: undefined,
  });
  assert.deepEqual(parseSource(`https://d1.example.net/${MANIFEST}`, 'cloudfront'), {
    ...{ kind: 'cloudfront', repository: 'https://d1.example.net/', path: MANIFEST, manifest },
  });
});

test('a path is one of this host, from the working directory', () => {
  const { repository } = parseSource('vc-in.xml');
  assert.equal(repository, `${path.resolve('.')}/`);
  assert.equal(parseSource('file:///srv/vc/vc-in.xml').repository, '/srv/vc/');
});

test('what names nothing is refused, and what may be a secret is not repeated', () => {
  for (const [source, kind] of [
    ['http://images.example.org/vc/'],
    ['http://images.example.org/vc/some.json'],
    ['http://user:secret@images.example.org/vc/vc-in.xml'],
    ['http://images.example.org/vc/vc-in.xml?Signature=secret'],
    ['http://'],
    ['file://elsewhere/vc-in.xml'],
    ['/srv/vc/vc-in.xml', 'http'],
    ['http://images.example.org/vc/vc-in.xml', 'local'],
  ] as const) {
    assert.throws(
      () => parseSource(source, kind),
      (error) => hasCode(error, 'USAGE') && !error.message.includes('Signature=secret'),
      source,
    );
  }
});
