import { issuer } from '../../../../issuer.ts'

const handle = async (request: Request) => (await issuer.handle(request)) ?? new Response(null, { status: 404 })

export { handle as GET, handle as POST }
