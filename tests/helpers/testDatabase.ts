import type pg from 'pg'
import { inject } from 'vitest'
import { connect, type DatabaseAddress, parseDatabaseUrl, withClient } from '../../local/databaseAddress.ts'
import { createDatabase, openPool } from './stack.ts'

/** A database of its own for one test, on the server that the tests share, and what is to be undone at its end. */
export class TestDatabase {
  readonly pool: pg.Pool
  readonly #undo: (() => Promise<unknown>)[] = []

  static async create(): Promise<TestDatabase> {
    return new TestDatabase(await createDatabase())
  }

  private constructor(readonly address: DatabaseAddress) {
    this.pool = openPool(address)
  }

  async all<Row extends object = Record<string, unknown>>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.pool.query(sql, values)).rows
  }

  /** The first column of the first row. */
  async value<T = unknown>(sql: string, values: unknown[] = []): Promise<T> {
    const [row] = await this.all(sql, values)
    return Object.values(row ?? {})[0] as T
  }

  /** More connections of the same role, as another service has them. */
  another(address = this.address): pg.Pool {
    const pool = openPool(address)
    this.onStop(() => pool.end())
    return pool
  }

  asAdmin(sql: string): Promise<unknown> {
    const admin = { ...parseDatabaseUrl(inject('databaseMaker')), database: this.address.database }
    return withClient(admin, (client) => client.query(sql))
  }

  /** A role that nobody else has. */
  async makeRole(name: string, rest = ''): Promise<string> {
    const role = `${name}_${this.address.database}`
    await this.asAdmin(`CREATE ROLE ${role} ${rest}`)
    this.onStop(() => this.asAdmin(`REASSIGN OWNED BY ${role} TO postgres; DROP OWNED BY ${role}; DROP ROLE ${role}`))
    return role
  }

  /** A connection with an open transaction. */
  async begin(sql: string): Promise<pg.Client> {
    const client = await connect(this.address)
    this.onStop(() => client.end())
    await client.query(`BEGIN; ${sql}`)
    return client
  }

  /** Undone in reverse order. */
  onStop(step: () => Promise<unknown>): void {
    this.#undo.push(step)
  }

  async stop(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse()) await step()
    await this.pool.end()
  }
}
