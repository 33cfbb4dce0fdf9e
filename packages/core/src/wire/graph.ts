// Graph form, for values that plain MessagePack does not bring back the same. First byte 0xc1, which MessagePack never
// uses, then one MessagePack value. In it, a map is a plain object and every array starts with a tag:
//
//   tag  name          rest of the array
//   0    reference     number of an object: they count from 0 in the order in which they begin
//   1    array         items
//   2    object        key, value, ...      (a plain object with a key or a size that a map does not carry)
//   3    map           key, value, ...
//   4    set           items
//   5    regexp        source, flags, lastIndex
//   6    error         class name, array without a tag of the members kept from enumeration as key, value, ...,
//                      then the others as key, value, ...
//   7    extension     name, data
//   8    negative zero
//   9    text          UTF-16LE bytes       (a string that is not well-formed)
//   10   float16       bytes                (a Float16Array)
//
// Dates, binary data, big integers and `undefined` stand for themselves, as msgpackr writes them. The binary forms of
// typed arrays are in the byte order of the machine, in this form and in the plain one.

/** First byte of the graph form. */
export const GRAPH_MARK = 0xc1;

export const TAG = {
  reference: 0,
  array: 1,
  object: 2,
  map: 3,
  set: 4,
  regexp: 5,
  error: 6,
  extension: 7,
  negativeZero: 8,
  text: 9,
  float16: 10,
} as const;

/** Members of an error that the runtime keeps out of enumeration. */
export const HIDDEN_MEMBERS: ReadonlySet<string> = new Set(['message', 'stack', 'cause', 'errors']);
