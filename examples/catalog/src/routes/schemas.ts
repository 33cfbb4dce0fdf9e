/** `/:id` in a path. */
export const idParams = {
  type: 'object',
  properties: { id: { type: 'integer', minimum: 1 } },
} as const;

/** `?page=`, from 1. */
export const page = { type: 'integer', minimum: 1, maximum: 1000, default: 1 } as const;
