// Reads a thread back by the nevent of its root, with nostr-tools alone, and prints it as JSON:
// every note whose id and signature hold, with the parent that NIP-10 gives it.
import WebSocket from "ws";
import { decode } from "nostr-tools/nip19";
import { parse } from "nostr-tools/nip10";
import { verifyEvent } from "nostr-tools/pure";
import { Relay, useWebSocketImplementation } from "nostr-tools/relay";

useWebSocketImplementation(WebSocket);

const ask = (relay, filter) =>
  new Promise((resolve, reject) => {
    const found = [];
    const subscription = relay.subscribe([filter], {
      onevent: (event) => found.push(event),
      oneose: () => {
        resolve(found);
        subscription.close();
      },
      onclose: (reason) => reject(new Error(reason)),
    });
  });

const { type, data } = decode(process.argv[2].replace(/^nostr:/, ""));
if (type !== "nevent") throw new Error(`got ${type}, want nevent`);
const relay = await Relay.connect(data.relays[0]);
const roots = await ask(relay, { ids: [data.id] });
const replies = await ask(relay, { kinds: [1], "#e": [data.id], limit: 1000 });
const notes = [...roots, ...replies].map((event) => {
  if (!verifyEvent(event)) throw new Error(`${event.id}: id or signature is wrong`);
  const { root, reply } = parse(event);
  return {
    id: event.id,
    root: root?.id ?? "",
    parent: (reply ?? root)?.id ?? "",
    pubkey: event.pubkey,
    created_at: event.created_at,
    content: event.content,
  };
});
relay.close();
process.stdout.write(JSON.stringify(notes), () => process.exit(0)); // a long thread outgrows the pipe
