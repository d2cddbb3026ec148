/**
 * Whether text can be read: its contrast with what is behind it.
 */

/** Texts whose contrast with what is behind them is below 4.5 to 1 (WCAG 2.2, 1.4.3). Runs in the page. */
export function findFaintText(): string[] {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!
  const paint = (colors: string[]) => {
    canvas.clearRect(0, 0, 1, 1)
    for (const color of colors) {
      canvas.fillStyle = color
      canvas.fillRect(0, 0, 1, 1)
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const luminance = (color: number[]) => {
    const [red = 0, green = 0, blue = 0] = color.map((value) => {
      const part = value / 255
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const faint: string[] = []
  for (const node of document.querySelectorAll<HTMLElement>('body *')) {
    const text = [...node.childNodes].filter((child) => child.nodeType === 3 && child.textContent?.trim())
    if (text.length === 0 || node.closest('option, noscript, template') || !node.checkVisibility()) continue
    const behind: string[] = []
    for (let at: Element | null = node; at !== null; at = at.parentElement) {
      behind.unshift(getComputedStyle(at).backgroundColor)
    }
    const [a, b] = [paint(behind), paint([...behind, getComputedStyle(node).color])].map(luminance) as [number, number]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${node.textContent?.trim().slice(0, 40)}`)
  }
  return faint
}
