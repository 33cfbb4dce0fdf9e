import { types } from 'node:util';

/** Whether a prototype makes its object plain: none at all, or the `Object.prototype` of any realm. */
export function isPlainPrototype(prototype: object | null): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

type BinaryView = ArrayBufferView<ArrayBuffer>;
type ViewConstructor = new (buffer: ArrayBuffer, byteOffset: number, length: number) => BinaryView;

const VIEWS: readonly ViewConstructor[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];
const VIEW_PROTOTYPES: ReadonlySet<object> = new Set([...VIEWS.map(({ prototype }) => prototype), Buffer.prototype]);
const VIEWS_BY_NAME: ReadonlyMap<string, ViewConstructor> = new Map(VIEWS.map((view) => [view.name, view]));

/** Whether the prototype is that of binary data which the format carries natively. */
export function isBinaryPrototype(prototype: object | null): boolean {
  return prototype !== null && (VIEW_PROTOTYPES.has(prototype) || prototype === ArrayBuffer.prototype);
}

/** Whether the memory behind binary data can be copied and come back the same: not shared, resizable or detached. */
export function isCopyable(binary: object): boolean {
  const memory = ArrayBuffer.isView(binary) ? binary.buffer : binary;
  return types.isArrayBuffer(memory) && !memory.resizable && !memory.detached;
}

/** The same bytes under the constructor of this realm; undefined for what is none of the known binary classes. */
export function inThisRealm(binary: object, className: string): object | undefined {
  if (isBinaryPrototype(Object.getPrototypeOf(binary))) return binary;
  if (types.isArrayBuffer(binary)) {
    return className === 'ArrayBuffer' ? new Uint8Array(binary).slice().buffer : undefined;
  }
  const view = VIEWS_BY_NAME.get(className);
  if (!ArrayBuffer.isView(binary) || view === undefined) return undefined;
  const length = 'length' in binary ? Number(binary.length) : binary.byteLength;
  return new view(binary.buffer as ArrayBuffer, binary.byteOffset, length);
}

const ERROR_CLASSES: ReadonlyMap<string, ErrorConstructor> = new Map<string, ErrorConstructor>([
  ['Error', Error],
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
]);

/** An instance of a built-in error class, without a message; undefined for any other name. */
export function makeError(className: unknown): Error | undefined {
  if (className === 'AggregateError') return new AggregateError([]);
  const errorClass = ERROR_CLASSES.get(className as string);
  return errorClass === undefined ? undefined : new errorClass();
}

export function isErrorClass(className: string): boolean {
  return className === 'AggregateError' || ERROR_CLASSES.has(className);
}

type Float16Constructor = new (buffer: ArrayBuffer) => BinaryView;

/** `Float16Array`, where the runtime has it (Node 24). */
export const Float16: Float16Constructor | undefined = (globalThis as { Float16Array?: Float16Constructor })
  .Float16Array;

/** The name of the class an object says it is of. */
export function classNameOf(value: object): string {
  const classOf: unknown = value.constructor;
  return typeof classOf === 'function' ? classOf.name : '';
}
