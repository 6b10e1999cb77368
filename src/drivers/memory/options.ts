import { z } from 'zod';

export const memoryOptions = z.strictObject({});
