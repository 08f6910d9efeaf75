/** `restat key paperkey`, with a program in the place of qrencode that shows what it was given. */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { KEYS, openIndependently } from '../keys/vectors.js';
import { type KeyWorld, withKeys } from './key-world.js';

const FRAME = /^-----BEGIN PROXMOX BACKUP KEY-----\n([\s\S]*?\n)-----END PROXMOX BACKUP KEY-----\n/m;
/** Echoes its words and its input, as base64 on one line. */
const ECHO = '#!/bin/sh\nprintf "<%s>" "$*"\nbase64 -w 0\n';

interface Printer extends KeyWorld {
  print(args: readonly string[]): ReturnType<KeyWorld['run']>;
}

/** A world in which `qrencode` is this script. */
function withPrinter(script: string, use: (printer: Printer) => Promise<void>): Promise<void> {
  return withKeys(async (world) => {
    await mkdir(join(world.directory, 'bin'));
    await world.write('bin/qrencode', script);
    await chmod(join(world.directory, 'bin/qrencode'), 0o755);
    const path = `${join(world.directory, 'bin')}:${process.env['PATH']}`;
    await use({ ...world, print: (args) => world.run(['paperkey', ...args], { PATH: path }) });
  });
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString();

for (const { file, bytes } of KEYS) {
  test(`the paper of ${file} holds all that is needed to get it back`, (t) =>
    withPrinter(ECHO, async ({ print }) => {
      const { code, stdout, stderr } = await print([
        `keys/${file}`,
        '--output-format',
        'text',
        '--subject',
        'My key',
      ]);
      t.deepEqual([code, stderr], [0, '']);
      t.true(stdout.startsWith('Subject: My key\n\n-----BEGIN'));
      t.is(JSON.stringify(JSON.parse(FRAME.exec(stdout)![1]!)), bytes.toString());
      const [, words, content] = /^QR code\n<(.*?)>(.*)$/m.exec(stdout)!;
      t.is(words, '-t UTF8 -o -');
      t.is(decoded(content!), bytes.toString());
    }));
}

test('a page has the key as text and as an image, and nothing of it is markup', (t) =>
  withPrinter(ECHO, async ({ print, run, read }) => {
    await run(['create', 'k', '--kdf', 'pbkdf2', '--hint', '<b>&'], { PBS_ENCRYPTION_PASSWORD: 'password' });
    const { code, stdout } = await print(['k', '--subject', '</title><script>']);
    t.is(code, 0);
    t.regex(stdout, /^<!DOCTYPE html>\n[\s\S]*<\/html>\n$/);
    t.true(stdout.includes('<title>&lt;/title&gt;&lt;script&gt;</title>'));
    t.true(stdout.includes('"hint": "&lt;b&gt;&amp;"'));
    t.false(/<script|<b>/.test(stdout));
    const image = decoded(/src="data:image\/svg\+xml;base64,([^"]+)"/.exec(stdout)![1]!);
    t.regex(image, /^<-t SVG -o ->/);
    const content = decoded(image.replace(/^<.*?>/, ''));
    t.is(content, await read('k'));
    t.is(openIndependently(content, 'password').file.hint, '<b>&');
  }));

test('a private master key goes into several codes that follow one another', (t) =>
  withPrinter(ECHO, async ({ print, read }) => {
    const pem = await read('keys/master-private.pem');
    const { code, stdout } = await print(['keys/master-private.pem', '--output-format=text']);
    t.is(code, 0);
    t.true(stdout.startsWith(pem));
    const codes = [...stdout.matchAll(/^QR code (\d) of 3\n<.*?>(.*)$/gm)];
    t.deepEqual(
      codes.map(([, number]) => number),
      ['1', '2', '3'],
    );
    t.is(codes.map(([, , content]) => decoded(content!)).join(''), pem);
    const open = await print(['keys/master-public.pem']);
    t.is(open.code, 1);
    t.regex(open.stderr, /this is no PEM file of a private key with a password/);
  }));

test('without qrencode, and when it fails, the text comes and then an error', (t) =>
  withPrinter('#!/bin/sh\necho half a code\nexit 3\n', async ({ print, run }) => {
    const failed = await print(['keys/key-scrypt.json']);
    const words = ['paperkey', 'keys/key-scrypt.json', '--output-format', 'text'];
    const missing = await run(words, {}, ['sh', '-c', 'PATH=/nonexistent exec "$@"', 'sh']);
    for (const { code, stdout } of [failed, missing]) {
      t.is(code, 1);
      t.true(stdout.includes('-----END PROXMOX BACKUP KEY-----'));
      t.false(stdout.includes('half a code'));
    }
    t.regex(failed.stderr, /^Error: qrencode ended with 3: the QR code is missing\n/);
    t.regex(missing.stderr, /^Error: the program qrencode is not installed: the QR code is missing\n/);
  }));

test('a program that prints nothing, reads nothing or never stops is an error', async (t) => {
  const scripts: readonly [string, RegExp][] = [
    ['#!/bin/sh\nexit 0\n', /^Error: qrencode printed nothing/],
    ['#!/bin/sh\nexec 0<&-\nexit 1\n', /^Error: qrencode ended with 1/],
    ['#!/bin/sh\nexec yes\n', /^Error: qrencode printed far too much/],
    ['#!/bin/sh\nkill -9 $$\n', /^Error: qrencode ended with SIGKILL/],
    ['no program\0', /^Error: qrencode (cannot be started|ended with)/],
  ];
  for (const [script, message] of scripts) {
    await withPrinter(script, async ({ print }) => {
      const { code, stderr } = await print(['keys/key-none.json']);
      t.is(code, 1);
      t.regex(stderr, message);
    });
  }
});
