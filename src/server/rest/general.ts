/** Calls about the server itself. rest-api.md §2. */
import { endpoint, type OpenEndpoint } from '../http/endpoint.js';

/** The release whose calls are answered, and who answers them. */
const VERSION = { version: '4.2', release: '0', repoid: 'restat' };

export const ping: OpenEndpoint = {
  method: 'GET',
  path: 'ping',
  parameters: {},
  run: () => Promise.resolve({ data: { pong: true } }),
};

export const version = endpoint({
  method: 'GET',
  path: 'version',
  parameters: {},
  run: () => Promise.resolve({ data: VERSION }),
});

export const identity = endpoint({
  method: 'GET',
  path: 'nodes/localhost/identity',
  parameters: {},
  run: ({ context }) => Promise.resolve({ data: { 'pbs-instance-id': context.identity } }),
});
