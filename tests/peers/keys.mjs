// nostr-tools over standard input: a JSON array of {do, …} in, a JSON array of results out.
import { decrypt as decrypt49, encrypt as encrypt49 } from "nostr-tools/nip49";
import * as nip44 from "nostr-tools/nip44";
import { unwrapEvent } from "nostr-tools/nip59";
import { hexToBytes, bytesToHex } from "nostr-tools/utils";

const steps = {
  encrypt44: ({ secret, pubkey, text }) => nip44.encrypt(text, nip44.getConversationKey(hexToBytes(secret), pubkey)),
  decrypt44: ({ secret, pubkey, payload }) =>
    nip44.decrypt(payload, nip44.getConversationKey(hexToBytes(secret), pubkey)),
  encrypt49: ({ secret, passphrase, logN }) => encrypt49(hexToBytes(secret), passphrase, logN),
  decrypt49: ({ ncryptsec, passphrase }) => bytesToHex(decrypt49(ncryptsec, passphrase)),
  unwrap59: ({ secret, wrap }) => JSON.stringify(unwrapEvent(wrap, hexToBytes(secret))),
};

let input = "";
for await (const chunk of process.stdin) input += chunk;
process.stdout.write(JSON.stringify(JSON.parse(input).map((step) => steps[step.do](step))));
