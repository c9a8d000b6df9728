/** Where in a value something is wrong. */

/** `["items", 0, "price"]` as `items[0].price` */
export const formatPath = (path: ReadonlyArray<string | number>): string =>
  path.reduce<string>((text, key) =>
    typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`, "")
