/** The two that verify signatures: that of every runtime, and that of the gateway. */
import { nodeVerify } from '../../src/gateway/node-verify.ts'
import { type VerifyOperation, webCryptoVerify } from '../../src/token/signature.ts'

export const operations: Readonly<Record<string, VerifyOperation>> = { WebCrypto: webCryptoVerify, Node: nodeVerify }

/** Yes where one of them says yes, so that a wrong yes of either is seen. */
export const eitherVerify: VerifyOperation = async (...signature) => {
  const said = await Promise.allSettled(Object.values(operations).map(async (verify) => verify(...signature)))
  return said.some((answer) => answer.status === 'fulfilled' && answer.value === true)
}
