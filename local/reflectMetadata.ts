/**
 * @peculiar/x509 finds its parts through tsyringe, which wants these three functions of the never finished metadata
 * proposal to be there before it is loaded. All it keeps with them is a few lists, for which a map will do.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>()

const get = (key: unknown, target: object) => metadata.get(target)?.get(key)

Object.assign(Reflect, {
  getMetadata: get,
  getOwnMetadata: get,
  defineMetadata(key: unknown, value: unknown, target: object) {
    metadata.set(target, (metadata.get(target) ?? new Map()).set(key, value))
  },
})
