import { Service } from './services.ts'
import type { Stack } from './stack.ts'

/** Starts the consumer, which makes the tables, and removes the sample websites. */
export async function startConsumer({ env, pool }: Pick<Stack, 'env' | 'pool'>): Promise<Service> {
  const consumer = new Service('consumer', env)
  await consumer.logged(/^started$/)
  await pool.query('DELETE FROM website')
  return consumer
}
