import dgram from 'node:dgram'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

/** What the server says when it is asked for a name. Without addresses of the asked family: that it has none. */
export interface Answer {
  readonly a?: readonly string[]
  readonly aaaa?: readonly string[]
  /** Seconds; 60 unless told otherwise. */
  readonly ttl?: number
  /** The name is another name for this one, whose addresses come in the same answer. */
  readonly cname?: { readonly name: string; readonly ttl: number }
  readonly rcode?: keyof typeof rcodes
  /** Milliseconds until the answer; Infinity: never. */
  readonly delayMs?: number
  /** Bytes in place of an answer, after the two of the query's id. */
  readonly raw?: Buffer
}

export interface Query {
  readonly name: string
  readonly type: 'A' | 'AAAA' | 'other'
  readonly transport: 'udp' | 'tcp'
}

/** An answer, or what makes it from the query and from how often this name and type were asked before. */
export type Answering = Answer | ((query: Query, before: number) => Answer)

/** A name server on 127.0.0.1, over UDP and TCP, that knows what it is told; other names do not exist. */
export interface NameServer {
  /** host:port */
  readonly address: string
  readonly queries: Query[]
  /** Answers for a name; `*`: for every name that has none of its own. */
  answer(name: string, answering: Answering): void
  /** How often a name was asked for, in all or for one type. */
  asked(name: string, type?: Query['type']): number
  stop(): Promise<void>
}

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const
const types = { 1: 'A', 28: 'AAAA' } as Record<number, Query['type']>
/** RFC 1035, 4.2.1: what goes into a datagram when the client has not announced more (EDNS). */
const longestDatagram = 512

export async function startNameServer(): Promise<NameServer> {
  const answers = new Map<string, Answering>()
  const queries: Query[] = []
  const asked = (name: string, type?: Query['type']) =>
    queries.filter((query) => query.name === name && (type === undefined || query.type === type)).length

  /** The message that answers the query; undefined: silence. */
  function reply(message: Buffer, transport: Query['transport'], send: (reply: Buffer) => void): void {
    const { name, type } = questionOf(message)
    const query: Query = { name, type, transport }
    const before = asked(name, type)
    queries.push(query)
    const answering = answers.get(name) ?? answers.get('*') ?? { rcode: 'NXDOMAIN' }
    const answer = typeof answering === 'function' ? answering(query, before) : answering
    const { delayMs = 0 } = answer
    if (delayMs === Number.POSITIVE_INFINITY) return
    const bytes = encode(message, query, answer)
    if (delayMs === 0) send(bytes)
    else setTimeout(() => send(bytes), delayMs).unref()
  }

  const { udp, tcp } = await listen()
  udp.on('message', (message, { port, address }) =>
    reply(message, 'udp', (bytes) => {
      // After stop() a delayed answer has nowhere to go.
      if (!stopped) udp.send(bytes, port, address)
    }),
  )
  const connections = new Set<net.Socket>()
  tcp.on('connection', (socket) => {
    connections.add(socket)
    socket.on('error', () => socket.destroy()).on('close', () => connections.delete(socket))
    let received = Buffer.alloc(0)
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        reply(received.subarray(2, end), 'tcp', (bytes) => {
          const length = Buffer.alloc(2)
          length.writeUInt16BE(bytes.length)
          socket.write(Buffer.concat([length, bytes]))
        })
        received = received.subarray(end)
      }
    })
  })
  let stopped = false
  return {
    address: `127.0.0.1:${udp.address().port}`,
    queries,
    answer: (name, answering) => void answers.set(name, answering),
    asked,
    async stop() {
      if (stopped) return
      stopped = true
      for (const socket of connections) socket.destroy()
      udp.close()
      tcp.close()
      await Promise.all([once(udp, 'close'), once(tcp, 'close')])
    },
  }
}

/** One port for both: a port that is free for UDP may be taken for TCP, then another is tried. */
async function listen(): Promise<{ udp: dgram.Socket; tcp: net.Server }> {
  for (;;) {
    const udp = dgram.createSocket({ type: 'udp4', recvBufferSize: 4_000_000 })
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = net.createServer().listen((udp.address() as AddressInfo).port, '127.0.0.1')
    try {
      await once(tcp, 'listening')
      return { udp, tcp }
    } catch {
      udp.close()
    }
  }
}

/** The question of a query (RFC 1035, 4.1), and where it ends. */
function questionOf(message: Buffer): { name: string; type: Query['type']; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: types[message.readUInt16BE(at + 1)] ?? 'other', end: at + 5 }
}

function encode(query: Buffer, { type, transport }: Query, answer: Answer): Buffer {
  const { raw, rcode = 'NOERROR', ttl = 60, cname, a = [], aaaa = [] } = answer
  if (raw) return Buffer.concat([query.subarray(0, 2), raw])
  const question = query.subarray(12, questionOf(query).end)
  const owner = cname ? nameBytes(cname.name) : pointerToQuestion
  const addresses = type === 'A' ? a.map(ipv4Bytes) : type === 'AAAA' ? aaaa.map(ipv6Bytes) : []
  const records = rcode === 'NOERROR' ? addresses.map((bytes) => record(owner, type === 'A' ? 1 : 28, ttl, bytes)) : []
  if (cname && rcode === 'NOERROR') records.unshift(record(pointerToQuestion, 5, cname.ttl, nameBytes(cname.name)))
  const whole = Buffer.concat([header(query, rcode, records.length, false), question, ...records])
  if (transport === 'tcp' || whole.length <= longestDatagram) return whole
  return Buffer.concat([header(query, rcode, 0, true), question])
}

/** The owner of a record is the name that was asked for, at byte 12 of the message (RFC 1035, 4.1.4). */
const pointerToQuestion = Buffer.from([0xc0, 12])

function header(query: Buffer, rcode: keyof typeof rcodes, records: number, truncated: boolean): Buffer {
  const bytes = Buffer.alloc(12)
  query.copy(bytes, 0, 0, 2)
  // A response, recursion desired and available.
  bytes.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | rcodes[rcode], 2)
  bytes.writeUInt16BE(1, 4)
  bytes.writeUInt16BE(records, 6)
  return bytes
}

function record(owner: Buffer, type: number, ttl: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([owner, fixed, data])
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

function ipv4Bytes(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)))
  const [first, last] = [groups(head), groups(tail ?? '')]
  const all = [...first, ...new Array(8 - first.length - last.length).fill(0), ...last]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}
