import type { Address } from '../model/address.ts';
import { MigrationError } from '../model/migration-error.ts';
import type { Driver } from './store.ts';
import { nearest } from '../lib/nearest.ts';

export interface Registry {
  readonly drivers: readonly Driver[];
  /** Throws `address.unknown-scheme`, with the nearest known scheme as hint. */
  find(address: Address): Driver;
}

/** The list of drivers, given by hand at the composition root. A scheme named twice is a programming error. */
export function createRegistry(drivers: readonly Driver[]): Registry {
  const byScheme = new Map<string, Driver>();
  for (const driver of drivers) {
    if (byScheme.has(driver.scheme)) throw new Error(`two drivers for scheme ${driver.scheme}`);
    byScheme.set(driver.scheme, driver);
  }
  return {
    drivers,
    find(address) {
      const driver = byScheme.get(address.scheme);
      if (driver) return driver;
      const guess = nearest(address.scheme, [...byScheme.keys()]);
      throw new MigrationError('address.unknown-scheme', `No driver opens ${address.scheme}: (${address.text}).`, {
        hint: guess ? `Did you mean ${guess}: ?` : `This installation opens ${[...byScheme.keys()].join(', ')}.`,
        where: address.text,
      });
    },
  };
}
