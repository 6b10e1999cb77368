import type { Item } from '../../model/item.ts';
import type { TableShape } from '../../model/shape.ts';

export function shapeOf(item: Item): TableShape {
  if (!item.shape) throw new TypeError(`${item.key} has no table shape`);
  return item.shape;
}
