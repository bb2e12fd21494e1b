import v8 from 'node:v8'

const askEveryMs = 100

/**
 * Stops the growth of V8's young generation at about this size. Node 24 lets it grow to 128 MB under load, where a
 * producer of 10,000 websites took 287 MB in place of 199, and its collections were long enough to be seen in the
 * response times (p99 5.1 ms above the server's own in place of 3.6). V8 reads the factor at each growth, so that it can
 * be set while the process runs; the flag for the size itself it reads only at the start.
 */
export function limitYoungGeneration(bytes: number): void {
  const timer = setInterval(() => {
    const space = v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    if (space === undefined || space.space_size < bytes) return
    v8.setFlagsFromString('--semi-space-growth-factor=1')
    clearInterval(timer)
  }, askEveryMs).unref()
}
