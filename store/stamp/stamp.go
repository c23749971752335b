// Package stamp cuts times down to what the store keeps of them.
//
// It imports nothing.
package stamp

import (
	"reflect"
	"time"
)

// All cuts every time in the record that v points to, however deep, down to what is stored: UTC, milliseconds.
// Otherwise a record in hand would differ from the same record read back. It changes what the record points to as well.
func All(v any) { cutValue(reflect.ValueOf(v)) }

func cutValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			cutValue(v.Elem())
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k != reflect.Struct && k != reflect.Pointer {
			return
		}
		for i := range v.Len() {
			cutValue(v.Index(i))
		}
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			if v.CanSet() {
				v.Set(reflect.ValueOf(Cut(t)))
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				cutValue(v.Field(i))
			}
		}
	}
}

// Cut is the precision of every stored time. The zero time stays zero.
func Cut(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
