/**
 * The files of the demo page, as the Workers binding `ASSETS` serves them and as any other runtime can.
 */

/** The part of Cloudflare's static-assets binding that the app uses. */
export interface Assets {
  fetch(request: Request): Promise<Response>
}

/** Content types by file ending. */
const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/**
 * Serves the page's files where there is no `ASSETS` binding, as on Node.
 *
 * Only plain names like `main.js` reach `read`: no folder, no dot first.
 *
 * @param read returns the bytes of a file in `web/`, or undefined when there is none
 * @example
 * const web = new URL('../web/', import.meta.url)
 * const ASSETS = createAssets((name) =>
 *   readFile(new URL(name, web)).catch((error) => {
 *     if (error.code !== 'ENOENT') throw error
 *     return undefined
 *   }),
 * )
 */
export function createAssets(read: (name: string) => Promise<Uint8Array<ArrayBuffer> | undefined>): Assets {
  return {
    async fetch(request) {
      const { pathname } = new URL(request.url)
      const plain = pathname === '/' ? 'index' : pathname.slice(1)
      // As Cloudflare's: a page is found without the ending of its file.
      const name = plain.includes('.') ? plain : `${plain}.html`
      const contentType = contentTypes[/^[a-z][a-z0-9-]*\.([a-z]+)$/.exec(name)?.[1] ?? '']
      const body = contentType === undefined ? undefined : await read(name)
      if (contentType === undefined || body === undefined) return new Response(null, { status: 404 })
      return new Response(body, { headers: { 'Content-Type': contentType, 'Cache-Control': 'no-cache' } })
    },
  }
}
