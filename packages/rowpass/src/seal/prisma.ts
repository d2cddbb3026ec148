/**
 * Prisma Client, over whichever adapter: each operation becomes a batch, which is one transaction, that brings its identity
 * along.
 */
import { OptionError } from '../errors.ts'
import { cleaningStatement, envelopeOf } from './envelope.ts'
import type { RequestIdentity } from './form.ts'

/** An operation that is sent when somebody waits for it, or as part of a batch. */
type PrismaPromise = PromiseLike<unknown> & Readonly<Record<string, unknown>>

/** What runs statements: a client, or that of an interactive transaction. */
interface Runner {
  $executeRawUnsafe(text: string): PrismaPromise
  $queryRawUnsafe(text: string, ...values: unknown[]): PrismaPromise
}

/** A client, as far as it is used. */
export interface PrismaClient extends Runner {
  $transaction(work: readonly PrismaPromise[], options?: object): Promise<unknown[]>
  $transaction<T>(work: (transaction: Runner) => Promise<T>, options?: object): Promise<T>
  $extends(extension: unknown): PrismaClient
}

/** Whether it is a client, extended or not. */
export function isPrisma(value: unknown): value is PrismaClient {
  if (typeof value !== 'object' || value === null) return false
  const names = ['$transaction', '$executeRawUnsafe', '$queryRawUnsafe', '$extends']
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** Methods of every client, which know their own client; what else has a `$` comes from an extension. */
const ownMethods = /^\$(queryRaw\w*|executeRaw\w*|connect|disconnect|on)$/
/** Under it a sealed operation keeps the one that it was made of. */
const plain = Symbol('plain')

/** Seals a client: its models, its raw queries, its transactions, and the clients that it is extended to. */
export function sealPrisma(prisma: PrismaClient, identity: RequestIdentity): PrismaClient {
  const [envelope, parameters] = envelopeOf(identity)

  async function runBatch(operations: readonly PrismaPromise[], options?: object): Promise<unknown[]> {
    // The pool keeps connections, with what a statement has left in them.
    const before = [prisma.$executeRawUnsafe(cleaningStatement), prisma.$queryRawUnsafe(envelope, ...parameters)]
    const after = prisma.$executeRawUnsafe(cleaningStatement)
    return (await prisma.$transaction([...before, ...operations, after], options)).slice(2, -1)
  }

  function runInteractive(work: (transaction: Runner) => Promise<unknown>, options?: object): Promise<unknown> {
    return prisma.$transaction(async (transaction) => {
      await transaction.$executeRawUnsafe(cleaningStatement)
      await transaction.$queryRawUnsafe(envelope, ...parameters)
      const result = await work(transaction)
      await transaction.$executeRawUnsafe(cleaningStatement)
      return result
    }, options)
  }

  /** As lazy as the operation that it is made of; `findUnique(…).posts()` makes another one of it. */
  function sealOperation(operation: PrismaPromise): PrismaPromise {
    let running: Promise<unknown> | undefined
    const run = () => {
      running ??= runBatch([operation]).then(([result]) => result)
      return running
    }
    const own: Readonly<Record<string | symbol, unknown>> = {
      // biome-ignore lint/suspicious/noThenProperty: what Prisma returns has one, and is sent when it is called.
      then: (...handlers: Parameters<Promise<unknown>['then']>) => run().then(...handlers),
      catch: (handler?: (reason: unknown) => unknown) => run().catch(handler),
      finally: (handler?: () => void) => run().finally(handler),
      // Not that of Prisma's own: a client that is not sealed refuses it in a batch.
      [Symbol.toStringTag]: 'SealedPrismaPromise',
      [plain]: operation,
    }
    return new Proxy(operation, {
      get: (_, name) => (Object.hasOwn(own, name) ? own[name] : sealValue(operation[name as string], operation)),
    })
  }

  /** A method that returns an operation returns it sealed. */
  function sealValue(value: unknown, self: unknown): unknown {
    if (typeof value !== 'function') return value
    return (...given: unknown[]) => {
      const result: unknown = Reflect.apply(value, self, given)
      return isOperation(result) ? sealOperation(result) : result
    }
  }

  /** Methods that an extension adds to a model get the sealed one, and Prisma's own ask for none. */
  function sealModel(model: object): object {
    const sealedModel: object = new Proxy(model, {
      get: (_, name) => (name === '$parent' ? sealedClient : sealValue(Reflect.get(model, name, model), sealedModel)),
    })
    return sealedModel
  }

  const own: Readonly<Record<string, unknown>> = {
    $transaction: (work: unknown, options?: object) =>
      typeof work === 'function'
        ? runInteractive(work as (transaction: Runner) => Promise<unknown>, options)
        : runBatch((work as unknown[]).map(plainOf), options),
    $extends: (extension: unknown) => sealPrisma(prisma.$extends(extension), identity),
  }
  const sealedClient: PrismaClient = new Proxy(prisma, {
    get(_, name) {
      const value: unknown = Reflect.get(prisma, name, prisma)
      if (typeof name === 'symbol' || name.startsWith('_')) return value
      if (Object.hasOwn(own, name)) return own[name]
      if (typeof value === 'object' && value !== null && !name.startsWith('$')) return sealModel(value)
      return sealValue(value, ownMethods.test(name) ? prisma : sealedClient)
    },
  })
  return sealedClient
}

function isOperation(value: unknown): value is PrismaPromise {
  return typeof value === 'object' && value !== null && Reflect.get(value, Symbol.toStringTag) === 'PrismaPromise'
}

function plainOf(operation: unknown): PrismaPromise {
  const found = typeof operation === 'object' && operation !== null && Reflect.get(operation, plain)
  if (!found) throw new OptionError('a batch takes operations of the sealed client, and none that is awaited')
  return found as PrismaPromise
}
