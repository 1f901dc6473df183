package fetch

import "encoding/binary"

// wire reads Kafka's numbers and bytes. Once something is missing, all else is zero.
type wire struct {
	b     []byte
	short bool
}

// next returns the next n bytes.
func (w *wire) next(n int) []byte {
	if n < 0 || n > len(w.b) {
		w.b, w.short = nil, true
		return nil
	}
	read := w.b[:n:n]
	w.b = w.b[n:]
	return read
}

func (w *wire) int16() int16 {
	if b := w.next(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (w *wire) int32() int32 {
	if b := w.next(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (w *wire) int64() int64 {
	if b := w.next(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// varint reads a zigzag number.
func (w *wire) varint() int {
	n, size := binary.Varint(w.b)
	if size <= 0 {
		w.b, w.short = nil, true
		return 0
	}
	w.b = w.b[size:]
	return int(n)
}

// bytes reads bytes with their length before them, -1 for none.
func (w *wire) bytes() []byte {
	n := w.varint()
	if n == -1 {
		return nil
	}
	return w.next(n)
}
