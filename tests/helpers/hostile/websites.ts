import { bodyWebsites } from './bodies.ts'
import { encodingWebsites } from './encodings.ts'
import { headersWebsites } from './headers.ts'
import { redirectWebsites } from './redirects.ts'
import type { HostileWebsite } from './serve.ts'
import { silentWebsites } from './silent.ts'
import { tlsWebsites } from './tls.ts'

export type { HostileWebsite }

/** Every kind of website that a check has to survive, by what it does. */
export const hostileWebsites: readonly HostileWebsite[] = [
  ...silentWebsites,
  ...headersWebsites,
  ...bodyWebsites,
  ...encodingWebsites,
  ...redirectWebsites,
  ...tlsWebsites,
]
