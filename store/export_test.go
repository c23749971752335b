package store

import "errors"

// Migrate opens a store and brings it forward by steps of a test's own, which a later version of the program might have.
// A step gets a function that changes the store in its transaction.
func Migrate(path string, to int, steps map[int]func(*Tx) error) error {
	o, err := Options{Path: path}.validate()
	if err != nil {
		return err
	}
	s, err := open(o)
	if err != nil {
		return err
	}
	var have schema
	err = s.View(func(tx *Tx) error {
		_, err := tx.load(bucketMeta, []byte(schemaKey), &have)
		return err
	})
	if err == nil {
		err = s.migrate(have, to, steps)
	}
	return errors.Join(err, s.Close())
}

// PutSchema writes a schema of a test's own.
func PutSchema(tx *Tx, version int) error {
	var have schema
	if _, err := tx.load(bucketMeta, []byte(schemaKey), &have); err != nil {
		return err
	}
	have.Version = version
	return tx.save(bucketMeta, []byte(schemaKey), &have)
}
