"""From a sum of squared residuals, quadratic in the scanned parameters, to the quartics that chi2 is along the lines of
a grid.

A volume is the grid's points along the last three axes, at one value of each other; it has planes, and these lines. A
block is eight numbers.

The residuals are contracted variable by variable down to the last three. On a volume of these the squares are added up
to one polynomial of degree four, whatever their number, which is contracted in turn: along a line chi2 is a quartic,
four fused multiply-adds per point. Where chi2 is small beside the terms that it is the difference of, this cancels. A
line whose bound on the rounding error exceeds the promise is therefore taken more carefully: the squares are added up
on the plane that it lies in, or on the line itself, where the terms are smaller, or at last evaluated as squares, three
operations per residual and point.
"""
