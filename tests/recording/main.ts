/**
 * Records what this version's producer writes, a message of each kind:
 *
 *     npm run record > tests/data/messages-1.0.0.jsonl     (the version of package.json)
 *
 * To be done once for a version, before it is released, and then never again: consumers of all later versions have to
 * read it. Each line holds the kind, the record as it was in the topic, and the entry that it stands for: look at those
 * before you keep them.
 */
import { recordMessages } from './recordMessages.ts'

for (const message of await recordMessages()) process.stdout.write(`${JSON.stringify(message)}\n`)
