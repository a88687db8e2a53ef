// NDK's NIP-46 backend as a process. First line of standard input: {secret, relays, token, granted}; later
// lines: {deny: [method…]}. Standard output: a line {ready} or {granted} or {asked, from} each.
import { createInterface } from "node:readline";
import NDK, { NDKNip46Backend, NDKPrivateKeySigner } from "@nostr-dev-kit/ndk";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket;

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
let denied = new Set();

class Bunker extends NDKNip46Backend {
  token = "";
  granted = new Set();

  // NDK's own takes no token: what one is good for is the bunker's matter. This one is good once.
  async applyToken(pubkey, token) {
    if (!this.token || token !== this.token) throw new Error("the secret is unknown or was used before");
    this.token = "";
    this.granted.add(pubkey);
    say({ granted: pubkey });
  }

  async pubkeyAllowed({ pubkey, method }) {
    say({ asked: method, from: pubkey });
    return this.granted.has(pubkey) && !denied.has(method);
  }
}

async function start({ secret, relays, token, granted }) {
  const ndk = new NDK({ explicitRelayUrls: relays, enableOutboxModel: false });
  await ndk.connect(5000);
  const subscribe = ndk.subscribe.bind(ndk);
  ndk.subscribe = (filter, options) => subscribe(filter, { ...options, onEose: () => say({ ready: true }) });
  const bunker = new Bunker(ndk, new NDKPrivateKeySigner(secret), undefined, relays);
  bunker.token = token;
  bunker.granted = new Set(granted);
  await bunker.start();
}

let isStarted = false;
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (isStarted) {
    denied = new Set(order.deny);
    say({ denied: order.deny });
  } else {
    isStarted = true;
    await start(order);
  }
}
process.exit(0);
