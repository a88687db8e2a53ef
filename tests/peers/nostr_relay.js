// The relay of npm @nostr-relay over ws, with a store in memory. Options: one JSON argument,
// {"auth": true} (NIP-42 for writing), {"max_content_chars": 100}, {"notes_per_connection": 3}, {"min_pow": 8}.
import { EventRepository, LogLevel } from '@nostr-relay/common';
import { NostrRelay } from '@nostr-relay/core';
import { Validator } from '@nostr-relay/validator';
import { WebSocketServer } from 'ws';

const HOST = '127.0.0.1';
const options = JSON.parse(process.argv[2] ?? '{}');

class Memory extends EventRepository {
  events = new Map();
  isSearchSupported = () => false;
  destroy = async () => this.events.clear();
  async upsert(event) {
    const isDuplicate = this.events.has(event.id);
    this.events.set(event.id, event);
    return { isDuplicate };
  }
  async find(filter) {
    const hasTag = (event, name, values) =>
      event.tags.some(([tag, value]) => tag === name && values.includes(value));
    const matches = (event) =>
      (filter.ids?.includes(event.id) ?? true) &&
      (filter.kinds?.includes(event.kind) ?? true) &&
      (filter.authors?.includes(event.pubkey) ?? true) &&
      Object.entries(filter).every(([key, values]) => key[0] !== '#' || hasTag(event, key[1], values));
    return [...this.events.values()].filter(matches).slice(0, filter.limit ?? 1000);
  }
}

const relay = new NostrRelay(new Memory(), {
  hostname: options.auth ? HOST : undefined,
  logLevel: LogLevel.ERROR,
  filterResultCacheTtl: 0,
});
const validator = new Validator(options.max_content_chars ? { maxContentLength: options.max_content_chars } : {});
const taken = new Map();

const powBits = (id) => 4 * id.search(/[^0]|$/) + Math.clz32(parseInt(id.match(/[^0]|$/)[0] || '0', 16)) - 28;

function refusal(socket, event) {
  if (options.auth && !relay.isAuthorized(socket)) return 'auth-required: we only take events of whom we know';
  const bits = powBits(event.id);
  if (bits < (options.min_pow ?? 0)) return `pow: difficulty ${bits} is less than ${options.min_pow}`;
  taken.set(socket, (taken.get(socket) ?? 0) + 1);
  if (taken.get(socket) > (options.notes_per_connection ?? Infinity)) return 'rate-limited: slow down there chief';
}

const server = new WebSocketServer({ host: HOST, port: 0 });
server.on('connection', (socket) => {
  relay.handleConnection(socket, HOST);
  socket.on('message', async (data) => {
    try {
      const message = await validator.validateIncomingMessage(data);
      const reason = message[0] === 'EVENT' ? refusal(socket, message[1]) : undefined;
      if (reason) socket.send(JSON.stringify(['OK', message[1].id, false, reason]));
      else await relay.handleMessage(socket, message);
    } catch (error) {
      socket.send(JSON.stringify(['NOTICE', error.message]));
    }
  });
  socket.on('close', () => (taken.delete(socket), relay.handleDisconnect(socket)));
});
server.on('listening', () => console.log(`listening on ws://${HOST}:${server.address().port}`));
