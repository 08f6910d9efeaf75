/** What a server does not start with. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createStore } from '../../src/repository/local/store.js';
import { ServeError } from '../../src/server/http/serve-error.js';
import { startServer } from '../../src/server/serve.js';
import { withTemporaryDirectory } from '../support/world.js';

test('a datastore has one name, whatever path leads to it', (t) =>
  withTemporaryDirectory(async (root) => {
    const [store, link] = [join(root, 'store'), join(root, 'link')];
    const stateDirectory = join(root, 'state');
    await createStore(store, { forServer: false });
    await symlink(store, link);
    await mkdir(stateDirectory, { mode: 0o700 });
    for (const again of [store, `${store}/../store`, link]) {
      const started = startServer({
        ...{ host: '127.0.0.1', port: 0, stateDirectory, version: 'test' },
        datastores: [
          { name: 'main', directory: store },
          { name: 'more', directory: again },
        ],
        ...{ names: ['localhost'], openMetrics: false, log: () => undefined },
      });
      await t.throwsAsync(started, {
        instanceOf: ServeError,
        code: 'SERVE_DATASTORE',
        message: `the datastores 'main' and 'more' are the same directory, ${again}`,
      });
    }
  }));
