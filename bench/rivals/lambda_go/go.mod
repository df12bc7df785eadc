module lambda_go

go 1.19
