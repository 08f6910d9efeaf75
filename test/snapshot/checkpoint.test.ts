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

test('only the notes of a checkpoint say that it is one', (t) => {
  const manifest = { snapshot: { type: 'host', id: 't', time: 1 } as never, files: [], signature: null };
  t.true(isCheckpoint({ ...manifest, unprotected: checkpointNotes() }));
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
