/** What a service answers on its http.port. */
export async function statusOf(
  port: number,
  path: string,
): Promise<{ code: number; status: string; parts: Record<string, string> }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { code: response.status, ...((await response.json()) as { status: string; parts: Record<string, string> }) }
}
