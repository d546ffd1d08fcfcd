"""The model: linear, trained by gradient descent, written out in full so that it needs no library."""

import json


class Linear:
    """A weighted sum of the features plus an offset."""

    def __init__(self, count):
        self.weights = [0.0] * count
        self.offset = 0.0

    def predict(self, row):
        """The prediction for one list of features."""
        return self.offset + sum(w * x for w, x in zip(self.weights, row))

    def epoch(self, rows, targets, lr, l2):
        """One pass over the rows; returns the mean squared error seen on the way."""
        total = 0.0
        for row, wanted in zip(rows, targets):
            error = self.predict(row) - wanted
            total += error * error
            self.offset -= lr * error
            self.weights = [w - lr * (error * x + l2 * w) for w, x in zip(self.weights, row)]
        return total / len(rows)

    def error(self, rows, targets):
        """The mean absolute error."""
        return sum(abs(self.predict(row) - wanted) for row, wanted in zip(rows, targets)) / len(rows)

    def save(self, path):
        """Write the weights as JSON."""
        path.write_text(json.dumps({"weights": self.weights, "offset": self.offset}))
