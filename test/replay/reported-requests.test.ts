/** One change to a recorded login, upgrade, restore or call, and the sentence that the replayer must say of it. */
import test from 'ava';
import { declareCases, editHeader, editTarget, editUpgrade, whole, without } from './changes.js';

declareCases(test, [
  {
    title: 'a free request that the test demands',
    options: { demand: ['GET /previous?archive-name=index.json.blob'] },
    changes: without('GET', '/previous?'),
    reported: /^GET \/previous\?archive-name=index\.json\.blob never came$/,
  },
  {
    title: 'a wrong token secret',
    changes: editHeader('authorization', /:.*$/, ':00000000-0000-0000-0000-000000000000'),
    reported: /GET \/api2\/json\/backup\?.*: authentication failed/,
  },
  {
    title: 'another token',
    changes: editHeader('authorization', 'laptop', 'phone'),
    reported: /authentication failed/,
  },
  {
    title: 'another protocol',
    changes: editHeader('upgrade', 'backup-protocol', 'backup-reader-protocol'),
    reported: /upgrade is proxmox-backup-reader-protocol-v1, not proxmox-backup-protocol-v1/,
  },
  {
    title: 'another backup time in the upgrade',
    changes: editUpgrade('1702000003', '1702000009'),
    reported: /backup-time is "1702000009", not "1702000003"/,
  },
  {
    title: 'an unknown parameter in the upgrade',
    changes: editUpgrade('store=', 'compress=1&store='),
    reported: /compress is "1", not undefined/,
  },
  {
    title: 'a chunk of an index that was not downloaded',
    file: 'restore.jsonl',
    session: 'restore-legacy',
    changes: without('GET', '/download?file-name=root.pxar.didx'),
    reported: /download chunk 5e07059e\w+ not allowed/,
  },
  {
    title: 'a file that the snapshot does not have',
    file: 'restore.jsonl',
    session: 'restore-legacy',
    changes: editTarget('GET', '/download', 'index.json', 'other'),
    reported: /open file "other\.blob" failed - not found/,
  },
  {
    title: 'a wrong password',
    file: 'login.jsonl',
    session: 'login-password',
    changes: {
      http1: (exchange) => ({
        ...exchange,
        body: whole(Buffer.from('{"username":"ann@pbs","password":"x"}')),
      }),
    },
    reported: /POST \/api2\/json\/access\/ticket: password is "x", not "Passw0rd-ann"/,
  },
  {
    title: 'another ticket than the one of the login',
    file: 'login.jsonl',
    session: 'cached-ticket-list',
    changes: editHeader('cookie', '6B02DDB3', '6B02DDB2'),
    reported: /GET \/api2\/json\/admin\/datastore\/vectors\/groups: authentication failed/,
  },
  {
    title: 'a number as text in a JSON call',
    file: 'manage.jsonl',
    session: 'prune',
    changes: {
      http1: (exchange) => ({
        ...exchange,
        body: whole(Buffer.from('{"backup-id":"proto","backup-type":"host","keep-last":"2"}')),
      }),
    },
    reported: /keep-last is "2", not 2/,
  },
  {
    title: 'another method',
    file: 'manage.jsonl',
    session: 'notes-show',
    changes: { http1: (exchange) => ({ ...exchange, method: 'POST' }) },
    reported: /POST \/api2\/json\/admin\/datastore\/vectors\/notes\?.*: it was not recorded/,
  },
]);
