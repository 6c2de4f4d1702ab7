"""CrypTen, made to draw, talk and multiply our way."""
