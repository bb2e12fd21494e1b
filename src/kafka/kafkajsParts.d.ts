/** Parts of kafkajs 2.2.4 that are mended here (client.ts, fetchResponse.ts), and have no types of their own. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: unknown }
  export default RequestQueue
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode(bytes: Buffer): Promise<unknown> }
  export default response
}
