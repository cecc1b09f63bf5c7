-- Says of members of a JSON object, key": "text", whether one holds a card number (flink_src/java). SQL has no words for a check digit.
CREATE TEMPORARY SYSTEM FUNCTION HOLDS_CARD_NUMBER AS 'cardfraud.HoldsCardNumber' LANGUAGE JAVA
