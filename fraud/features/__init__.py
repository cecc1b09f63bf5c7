"""The features, each declared once (`catalogue`), computed by one SQL text in every engine (`sql`)."""
