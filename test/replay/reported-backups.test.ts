/** One change to a recorded backup, and the sentence that the replayer must say of it. */
import test from 'ava';
import {
  declareCases,
  early,
  edit,
  editBlob,
  editTarget,
  editText,
  isCall,
  OTHER,
  twice,
  whole,
  without,
} from './changes.js';

const PAYLOAD_CHUNK = '7b22c0ec30d4e30d69cfedff2a0ae77221694a931dd4af7b903fcc79ab86aba8';
const PLAIN_CHUNK = 'def37ec574f1f7093d392bb2d5d22dcb4805185e1513f59dd59d7fa3143004b1';
const METADATA_CSUM = 'e0245d559af0c1aedee69d603444f0f9cfddab21a22753916c19afa020168d71';

declareCases(test, [
  {
    title: 'a chunk for a writer that is not open',
    changes: editTarget('POST', '/dynamic_chunk', 'wid=2', 'wid=7'),
    reported: /dynamic writer '7' not registered/,
  },
  {
    title: 'an append to the other writer',
    changes: editText('PUT', '/dynamic_index', '"wid":1', '"wid":2'),
    reported: /root\.ppxar\.didx: chunk 0 is 0ad6b1fa/,
  },
  {
    title: 'an append at a wrong offset',
    changes: editText('PUT', '/dynamic_index', '[0,', '[1,'),
    reported: /got strange chunk offset \(0 != 1\)/,
  },
  {
    title: 'an append of a chunk that was never uploaded',
    changes: editText('PUT', '/dynamic_index', PAYLOAD_CHUNK, OTHER),
    reported: new RegExp(`no such chunk ${OTHER}`),
  },
  {
    title: 'an append of recorded chunks in another order',
    changes: editText('PUT', '/dynamic_index', /("digest-list":\[)"(\w+)","(\w+)"/, '$1"$3","$2"'),
    reported: /root\.ppxar\.didx: chunk 0 is 867b62c5\w+ at 0, recorded was 7b22c0ec/,
  },
  {
    title: 'lists of different lengths',
    changes: editText('PUT', '/dynamic_index', '"offset-list":[0]', '"offset-list":[0,1]'),
    reported: /offset list has wrong length \(2 != 1\)/,
  },
  {
    title: 'an append that is missing',
    changes: without('PUT', '/dynamic_index'),
    reported: /close failed - unexpected chunk count \(0 != 1\)/,
  },
  {
    title: 'a wrong checksum when a writer is closed',
    changes: editTarget('POST', '/dynamic_close', METADATA_CSUM, OTHER),
    reported: /'root\.mpxar\.didx' close failed - got unexpected checksum/,
  },
  {
    title: 'a wrong size when a writer is closed',
    changes: editTarget('POST', '/dynamic_close', 'size=5888', 'size=5889'),
    reported: /unexpected file size \(5888 != 5889\)/,
  },
  {
    title: 'a writer that is not closed',
    changes: without('POST', '/dynamic_close'),
    reported: /root\.mpxar\.didx was not closed/,
  },
  {
    title: 'a writer that is never begun',
    changes: {
      streams: (all) => all.filter(({ target }) => !target.includes('mpxar') && !target.includes('wid=1')),
    },
    reported: /root\.mpxar\.didx was never begun/,
  },
  {
    title: 'a writer with another name',
    changes: editTarget('POST', '/dynamic_index', 'root.mpxar', 'data.mpxar'),
    reported: /archive-name=data\.mpxar\.didx: the recording has no such writer/,
  },
  {
    title: 'the manifest before a writer is closed',
    changes: early('/blob', '/dynamic_close'),
    reported: /file-name=index\.json\.blob: root\.mpxar\.didx is not closed yet/,
  },
  {
    title: 'a close before its append',
    changes: early('/dynamic_close', '/dynamic_index'),
    reported: /dynamic writer '1' not registered/,
  },
  {
    title: 'finish before a writer is closed',
    changes: early('/finish', '/dynamic_close'),
    reported: /found open index writer - unable to finish backup/,
  },
  {
    title: 'finish before the manifest',
    changes: early('/finish', '/blob'),
    reported: /unable to load blob/,
  },
  {
    title: 'a backup that is not finished',
    changes: without('POST', '/finish'),
    reported: /the backup was not finished/,
  },
  {
    title: 'a request after the end',
    changes: twice('/finish'),
    reported: /backup already marked as finished/,
  },
  {
    title: 'a chunk under another digest',
    changes: editTarget('POST', '/dynamic_chunk', PAYLOAD_CHUNK, OTHER),
    reported: /detected chunk with wrong digest/,
  },
  {
    title: 'a chunk with a wrong plain length',
    changes: editTarget('POST', '/dynamic_chunk', '&size=60', '&size=61'),
    reported: /detected chunk with wrong length \(61 != 60\)/,
  },
  {
    title: 'a chunk with a wrong encoded length',
    changes: editTarget('POST', '/dynamic_chunk', 'encoded-size=72', 'encoded-size=73'),
    reported: /uploaded chunk has unexpected size/,
  },
  {
    title: 'a chunk with a wrong CRC',
    changes: edit('POST', `/dynamic_chunk?digest=${PLAIN_CHUNK}`, (exchange) => {
      const bytes = Buffer.from(exchange.body.whole!);
      bytes.writeUInt8(bytes.readUInt8(8) ^ 1, 8);
      return { ...exchange, body: whole(bytes) };
    }),
    reported: /the checksum does not match the content/,
  },
  {
    title: 'a recorded chunk that is not uploaded',
    changes: without('POST', `/dynamic_chunk?digest=${PAYLOAD_CHUNK}`),
    reported: new RegExp(`chunk ${PAYLOAD_CHUNK} was never uploaded`),
  },
  {
    title: 'a chunk that is uploaded twice',
    changes: twice(`/dynamic_chunk?digest=${PAYLOAD_CHUNK}`),
    reported: /uploaded 2 times, recorded 1/,
  },
  {
    title: 'a chunk that is appended before it is acknowledged',
    changes: { atOnce: (exchange) => isCall(exchange, 'PUT', '/dynamic_index') },
    reported: new RegExp(`chunk ${PLAIN_CHUNK} was appended before the server had acknowledged it`),
  },
  {
    title: 'a close that does not wait for the append',
    changes: { atOnce: (exchange) => isCall(exchange, 'POST', '/dynamic_close') },
    reported: /root\.ppxar\.didx: close did not wait for the reply to the append before it/,
  },
  {
    title: 'a manifest with another time',
    changes: editBlob('index.json.blob', '1702000003', '1702000004'),
    reported: /the manifest: backup-time is 1702000004, not 1702000003/,
  },
  {
    title: 'a manifest with another checksum',
    changes: editBlob('index.json.blob', METADATA_CSUM, OTHER),
    reported: /the manifest: root\.mpxar\.didx has another size or checksum than what was uploaded/,
  },
  {
    title: 'a blob with another content',
    file: 'backup-legacy-second.jsonl',
    session: 'backup-legacy-second',
    changes: editBlob('a.conf.blob', 'memory', 'Memory'),
    reported: /file-name=a\.conf\.blob: its content is not the recorded one/,
  },
  {
    title: 'a blob that never comes',
    file: 'backup-legacy-second.jsonl',
    session: 'backup-legacy-second',
    changes: { streams: (all) => all.filter(({ target }) => !target.includes('a.conf.blob')) },
    reported: /a\.conf\.blob never came/,
  },
  {
    title: 'known chunks without the index that makes them known',
    file: 'backup-legacy-second.jsonl',
    session: 'backup-legacy-second',
    changes: without('GET', '/previous?archive-name=root.pxar.didx'),
    reported: /root\.pxar\.didx: no such chunk 5e07059e/,
  },
  {
    title: 'an image of another size',
    file: 'backup-image.jsonl',
    session: 'backup-image',
    changes: editTarget('POST', '/fixed_index', 'size=16777216', 'size=4194304'),
    reported: /size is "4194304", not "16777216"/,
  },
]);
