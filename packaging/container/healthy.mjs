// Ends with 0 when the gateway of this container is ready: PostgreSQL is reached, and accepts its seal.
const answer = await fetch(`http://127.0.0.1:${process.env.ROWPASS_PORT ?? 4444}/readyz`).catch(() => undefined)
process.exitCode = answer?.status === 200 ? 0 : 1
