/** Inner parts of kafkajs, which is not maintained any more: they stay as they are. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  const RequestQueue: { prototype: unknown }
  export default RequestQueue
}

declare module 'kafkajs/src/network/connectionPool.js' {
  const ConnectionPool: { prototype: unknown }
  export default ConnectionPool
}

declare module 'kafkajs/src/consumer/offsetManager/index.js' {
  const OffsetManager: { prototype: unknown }
  export default OffsetManager
}

declare module 'kafkajs/src/protocol/requests/fetch/v11/response.js' {
  const response: { decode(bytes: Buffer): Promise<unknown> }
  export default response
}
