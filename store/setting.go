package store

// A Key is where something is kept that has no record of its own, with the type of what lies there. Who owns it declares it once: nobody
// else can write another thing there, or read it as one.
type Key[T any] string

// settings is a transaction, or what holds one.
type settings interface {
	Setting(key string, v any) (bool, error)
	PutSetting(key string, v any) error
}

// Get reads what is kept; found says whether anything is.
func (k Key[T]) Get(tx settings) (value T, found bool, err error) {
	found, err = tx.Setting(string(k), &value)
	return value, found, err
}

// Put keeps a value in the place of the one before.
func (k Key[T]) Put(tx settings, value T) error { return tx.PutSetting(string(k), value) }

// Forget keeps nothing any more.
func (k Key[T]) Forget(tx settings) error { return tx.PutSetting(string(k), nil) }
