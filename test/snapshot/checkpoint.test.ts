import test from 'ava';
import fc from 'fast-check';
import { parseServerName, splitNames } from '../../src/snapshot/archive-names.js';
import {
  checkpointNotes,
  incompleteName,
  isCheckpoint,
  isIncompleteName,
} from '../../src/snapshot/checkpoint.js';
import { encodeRunNotes } from '../../src/snapshot/run-notes.js';

test('archives of a checkpoint keep their kind', (t) => {
  const name = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,30}$/);
  fc.assert(
    fc.property(name, (stem) => {
      const { metadata, payload } = splitNames(`${stem}.pxar`);
      t.is(incompleteName(metadata), parseServerName(`${stem}-incomplete.mpxar.didx`));
      t.is(incompleteName(payload), parseServerName(`${stem}-incomplete.ppxar.didx`));
      t.is(
        incompleteName(parseServerName(`${stem}.img.fidx`)),
        parseServerName(`${stem}-incomplete.img.didx`),
      );
      t.true(isIncompleteName(incompleteName(payload)));
      t.is(isIncompleteName(payload), stem.endsWith('-incomplete'));
    }),
  );
});

test('only the notes of a checkpoint and its names say that it is one', (t) => {
  const file = (filename: string) =>
    ({ filename: parseServerName(filename), cryptMode: 'none', size: 1, csum: '0'.repeat(64) }) as const;
  const files = [file('a-incomplete.ppxar.didx'), file('restat.earlier-incomplete.ppxar.didx')];
  const manifest = { snapshot: { type: 'host', id: 't', time: 1 } as never, files, signature: null };
  t.true(isCheckpoint({ ...manifest, unprotected: checkpointNotes() }));
  for (const name of ['a.ppxar.didx', 'rsa-encrypted.key.blob'])
    t.false(isCheckpoint({ ...manifest, files: [...files, file(name)], unprotected: checkpointNotes() }));
  const notes = { start: undefined, generation: 0, untrusted: {}, padding: {} };
  for (const restat of [
    undefined,
    null,
    'x',
    [],
    { checkpoint: 'yes' },
    { checkpoint: false },
    encodeRunNotes(notes),
  ])
    t.false(isCheckpoint({ ...manifest, unprotected: restat === undefined ? {} : { restat } }));
});
