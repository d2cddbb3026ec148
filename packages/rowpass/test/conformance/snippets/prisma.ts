import { PrismaNeon, PrismaNeonHttp } from '@prisma/adapter-neon'

/** `new PrismaClient({ adapter: adapterWithPassword(url) })`: everything, over WebSocket. */
export function adapterWithPassword(connectionString: string) {
  return new PrismaNeon({ connectionString })
}

/** `new PrismaClient({ adapter: adapterWithToken(url, token) })`: single statements, as the bearer of the token. */
export function adapterWithToken(connectionString: string, authToken: string) {
  return new PrismaNeonHttp(connectionString, { authToken })
}
