import { Readable } from 'node:stream'
import express from 'express'
import { Failure } from 'rowpass/issuer'
import { accounts, issuer } from './issuer.ts'

const { ISSUER, PORT = '3000' } = process.env
const app = express()

// Before anything that reads bodies: the issuer reads its own, within a limit.
app.use('/auth', async (req, res, next) => {
  const body = req.method === 'POST' ? { body: Readable.toWeb(req), duplex: 'half' } : undefined
  const request = new Request(new URL(req.originalUrl, ISSUER), { method: req.method, headers: req.headers, ...body })
  const answer = await issuer.handle(request, { address: req.ip })
  if (answer === undefined) return next()
  res
    .status(answer.status)
    .set(Object.fromEntries(answer.headers))
    .send(await answer.text())
})

app.use(express.json())
app.post('/sign-up', async (req, res) => {
  await accounts.signUp({ email: String(req.body?.email), name: String(req.body?.name) }, req.ip)
  res.sendStatus(202)
})
app.post('/password', async (req, res) => {
  await accounts.acceptInvite(String(req.body?.token), String(req.body?.password), req.ip)
  res.sendStatus(204)
})
app.use((error, _req, res, next) => {
  if (!(error instanceof Failure)) return next(error)
  res.status(error.spec.status).json({ code: error.code, message: error.detail ?? error.message })
})

app.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${PORT}`))
